import { type JSX, useState } from "react";
import { usePage } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { ConfirmDialog } from "./dialog.tsx";
import { Group } from "./grid.tsx";
import { Problem } from "./notice.tsx";

/** Something that can be done to what is shown. */
export interface Action {
  readonly name: string;
  /** What it will do: `3 running items finish, nothing new starts.` */
  readonly effect: string;
  /** Asked before, where something is lost. */
  readonly isDestructive?: boolean;
  readonly isMain?: boolean;
  /** Does it and says what came of it. */
  readonly run: () => Promise<string>;
}

/**
 * Buttons that say what they will do, ask before they destroy, and show in their place what was refused. One line below tells
 * the effect of the button that is pointed at, and what came of the last one.
 */
export function Actions(props: { readonly actions: readonly Action[]; readonly label: string }): JSX.Element {
  const { announcer } = usePage();
  const [running, setRunning] = useState<string | null>(null);
  const [asked, setAsked] = useState<Action | null>(null);
  const [pointed, setPointed] = useState<string | null>(null);
  const [said, setSaid] = useState("");
  const [problem, setProblem] = useState<ShownProblem | null>(null);

  const run = async (action: Action): Promise<void> => {
    setRunning(action.name);
    setProblem(null);
    try {
      const outcome = await action.run();
      setSaid(outcome);
      announcer.say(outcome);
    } catch (error) {
      setProblem(showProblem(error));
    } finally {
      setRunning(null);
    }
  };
  const effect = props.actions.find(({ name }) => name === pointed);
  return (
    <div className="actions">
      <Group className="buttons" label={props.label}>
        {props.actions.map((action) => (
          <button
            key={action.name}
            type="button"
            className={action.isDestructive === true ? "destructive" : action.isMain === true ? "main" : undefined}
            title={action.effect}
            disabled={running !== null}
            aria-busy={running === action.name}
            onPointerEnter={() => setPointed(action.name)}
            onPointerLeave={() => setPointed(null)}
            onFocus={() => setPointed(action.name)}
            onBlur={() => setPointed(null)}
            onClick={() => {
              if (action.isDestructive === true) setAsked(action);
              else void run(action);
            }}
          >
            {action.name}
          </button>
        ))}
      </Group>
      <p className="effect">{effect === undefined ? said : `${effect.name}: ${effect.effect}`}</p>
      {problem !== null && <Problem problem={problem} onClose={() => setProblem(null)} />}
      {asked !== null && (
        <ConfirmDialog
          title={`${asked.name}?`}
          effect={asked.effect}
          action={asked.name}
          onConfirm={() => void run(asked)}
          onClose={() => setAsked(null)}
        />
      )}
    </div>
  );
}
