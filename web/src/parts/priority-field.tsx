import { type JSX, useState } from "react";
import { PRIORITIES } from "../../../src/core/priority.ts";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { Problem } from "./notice.tsx";

/** A priority by name or number; lower runs sooner. */
export function PriorityField(props: {
  readonly value: number;
  readonly label: string;
  readonly onSet: (priority: number) => Promise<void>;
}): JSX.Element {
  const { value, label, onSet } = props;
  const [typed, setTyped] = useState<string | null>(null);
  const [problem, setProblem] = useState<ShownProblem | null>(null);
  const set = async (text: string): Promise<void> => {
    setTyped(null);
    const priority = Number(text);
    if (text.trim() === "" || priority === value) return;
    try {
      await onSet(priority);
      setProblem(null);
    } catch (error) {
      setProblem(showProblem(error));
    }
  };
  const names = Object.entries(PRIORITIES);
  const isNamed = names.some(([, number]) => number === value);
  return (
    <div className="priority">
      <label>
        Priority
        <select
          aria-label={label}
          title="Lower runs sooner"
          value={String(value)}
          onChange={({ target }) => void set(target.value)}
        >
          {names.map(([name, number]) => (
            <option key={name} value={number}>
              {name} ({number})
            </option>
          ))}
          {!isNamed && <option value={value}>{value}</option>}
        </select>
      </label>
      <input
        className="priority-number"
        inputMode="numeric"
        aria-label={`${label}, as a number`}
        value={typed ?? String(value)}
        onChange={({ target }) => setTyped(target.value)}
        onBlur={() => typed !== null && void set(typed)}
        onKeyDown={(event) => {
          if (event.key === "Enter") event.currentTarget.blur();
        }}
      />
      {problem !== null && <Problem problem={problem} onClose={() => setProblem(null)} />}
    </div>
  );
}
