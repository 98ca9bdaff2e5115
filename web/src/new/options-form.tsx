import { type JSX, useId } from "react";
import { type OptionField, rangeWords } from "./option-fields.ts";

/** A form of a pipeline's options; what is left empty is as usual. */
export function OptionsForm(props: {
  readonly fields: readonly OptionField[];
  readonly typed: ReadonlyMap<string, string>;
  readonly problems: ReadonlyMap<string, string>;
  readonly onChange: (name: string, text: string) => void;
}): JSX.Element {
  return (
    <div className="options">
      {props.fields.map((field) => (
        <Field
          key={field.name}
          field={field}
          text={props.typed.get(field.name) ?? ""}
          problem={props.problems.get(field.name) ?? null}
          onChange={(text) => props.onChange(field.name, text)}
        />
      ))}
    </div>
  );
}

function Field(props: {
  readonly field: OptionField;
  readonly text: string;
  readonly problem: string | null;
  readonly onChange: (text: string) => void;
}): JSX.Element {
  const { field, text, problem, onChange } = props;
  const id = useId();
  const choices = field.kind === "yes-no" ? ["yes", "no"] : field.choices;
  const common = {
    id,
    value: text,
    "aria-describedby": `${id}-note`,
    "aria-invalid": problem !== null,
    onChange: ({ target }: { target: { value: string } }) => onChange(target.value),
  };
  return (
    <div className="field">
      <label htmlFor={id}>{field.label}</label>
      {field.kind === "choice" || field.kind === "yes-no" ? (
        <select {...common}>
          <option value="">default</option>
          {choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          inputMode={field.kind === "number" ? "numeric" : undefined}
          placeholder="default"
          title={field.kind === "number" ? rangeWords(field) : undefined}
        />
      )}
      <p id={`${id}-note`} className={problem === null ? "note" : "error-text"}>
        {problem ?? field.note}
      </p>
    </div>
  );
}
