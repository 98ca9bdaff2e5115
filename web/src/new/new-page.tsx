import { type JSX, useEffect, useMemo, useState } from "react";
import { ApiError } from "../../../src/client/client.ts";
import { PRIORITIES } from "../../../src/core/priority.ts";
import { batchView, type NewView } from "../address/address.ts";
import { go } from "../address/navigation.tsx";
import { pacedFrames, useVersion } from "../live/observable.ts";
import { useStarted } from "../live/use-started.ts";
import { DropZone } from "../parts/drop-zone.tsx";
import { Problem } from "../parts/notice.tsx";
import { usePage } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { showCount } from "../words/shown.ts";
import { FileRows, SendProgress } from "./file-rows.tsx";
import { guessPipeline } from "./guess-pipeline.ts";
import { pipelineWords } from "./new-words.ts";
import { type OptionField, optionFields, readOptions, type WirePipeline } from "./option-fields.ts";
import { OptionsForm } from "./options-form.tsx";
import { UploadStore } from "./upload-store.ts";

/** Files are dropped, what is to be done with them is chosen, and it begins. */
export function NewPage(props: { readonly view: NewView }): JSX.Element {
  const { session } = usePage();
  const store = useStarted(() => new UploadStore({ client: session.client, schedule: pacedFrames() }), [session]);
  const [pipelines, setPipelines] = useState<readonly WirePipeline[]>([]);
  const [problem, setProblem] = useState<ShownProblem | null>(null);
  useEffect(() => {
    document.title = "New work · Milepost";
    session.client.pipelines().then(
      (answer) => setPipelines(answer.pipelines),
      (error: unknown) => setProblem(showProblem(error)),
    );
  }, [session]);
  return (
    <div className="new-work">
      <h1>New work</h1>
      {problem !== null && <Problem problem={problem} />}
      {store !== null && <Work store={store} pipelines={pipelines} asked={props.view.pipeline} />}
    </div>
  );
}

function Work(props: {
  readonly store: UploadStore;
  readonly pipelines: readonly WirePipeline[];
  readonly asked: string | null;
}): JSX.Element {
  const { store, pipelines, asked } = props;
  const version = useVersion(store);
  useLeaveGuard(store.isSending);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for what is in the store
  const guess = useMemo(() => guessPipeline(pipelines, store.files), [pipelines, store, version]);
  const pipeline = pipelines.find(({ name }) => name === asked) ?? guess ?? pipelines[0] ?? null;
  return (
    <div className="new-columns">
      <section aria-label="Files to send">
        <DropZone onFiles={(files) => store.add(files)}>
          or drop images, documents or a karaoke project here: files or whole folders
        </DropZone>
        <FileRows store={store} />
      </section>
      {pipeline !== null && (
        <section className="panel" aria-label="What to do with them">
          <PipelineChoice pipelines={pipelines} chosen={pipeline} isDisabled={store.isSending} />
          <Order key={pipeline.name} store={store} pipeline={pipeline} />
        </section>
      )}
    </div>
  );
}

/** The browser asks before the page is left with files half sent. */
function useLeaveGuard(isOn: boolean): void {
  useEffect(() => {
    if (!isOn) return;
    const onLeave = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", onLeave);
    return () => removeEventListener("beforeunload", onLeave);
  }, [isOn]);
}

function PipelineChoice(props: {
  readonly pipelines: readonly WirePipeline[];
  readonly chosen: WirePipeline;
  readonly isDisabled: boolean;
}): JSX.Element {
  return (
    <fieldset className="pipelines" disabled={props.isDisabled}>
      <legend>Pipeline</legend>
      {props.pipelines.map((pipeline) => {
        const { title, note } = pipelineWords(pipeline);
        return (
          <label key={pipeline.name}>
            <input
              type="radio"
              name="pipeline"
              checked={pipeline === props.chosen}
              onChange={() => go({ page: "new", pipeline: pipeline.name }, { replace: true })}
            />
            <span>
              <b>{title}</b>
              <span className="note">{note}</span>
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}

function Order(props: { readonly store: UploadStore; readonly pipeline: WirePipeline }): JSX.Element {
  const { store, pipeline } = props;
  const { announcer } = usePage();
  const fields = useMemo(() => optionFields(pipeline), [pipeline]);
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const [name, setName] = useState("");
  const [priority, setPriority] = useState("");
  const read = readOptions(fields, typed);
  const refused = refusedFields(store.problem, fields);
  const start = async (): Promise<void> => {
    const batchId = await store.send({
      pipeline: pipeline.name,
      options: { ...read.options },
      ...(name.trim() !== "" && { name: name.trim() }),
      ...(priority !== "" && { priority: Number(priority) }),
    });
    if (batchId === null) {
      announcer.say(standingWords(store));
      return;
    }
    announcer.say("Everything is sent; the batch has begun.");
    // Who went elsewhere in the meantime is not fetched back.
    if (!store.isLeft) go(batchView(batchId));
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <fieldset className="order" disabled={store.isSending}>
        <OptionsForm
          fields={fields}
          typed={typed}
          problems={new Map([...refused, ...read.problems])}
          onChange={(field, text) => setTyped(new Map(typed).set(field, text))}
        />
        <div className="options">
          <div className="field">
            <label htmlFor="batch-name">Name</label>
            <input
              id="batch-name"
              value={name}
              maxLength={128}
              placeholder="none"
              onChange={({ target }) => setName(target.value)}
            />
            <p className="note">The same name again adds to the same batch</p>
          </div>
          <div className="field">
            <label htmlFor="batch-priority">Priority</label>
            <select id="batch-priority" value={priority} onChange={({ target }) => setPriority(target.value)}>
              <option value="">default</option>
              {Object.entries(PRIORITIES).map(([word, number]) => (
                <option key={word} value={number}>
                  {word}
                </option>
              ))}
            </select>
          </div>
        </div>
      </fieldset>
      {store.problem !== null && refused.size === 0 && <Problem problem={showProblem(store.problem)} />}
      <Start store={store} isReady={read.problems.size === 0} />
    </form>
  );
}

function Start(props: { readonly store: UploadStore; readonly isReady: boolean }): JSX.Element {
  const { store, isReady } = props;
  if (store.isSending) return <SendProgress store={store} />;
  const { rows } = store;
  const refused = rows.filter(({ state }) => state === "refused").length;
  const broken = rows.filter(({ state }) => state === "broken").length;
  const good = rows.length - refused;
  return (
    <div className="start">
      <button type="submit" className="main" disabled={good === 0 || !isReady}>
        {broken > 0 ? "Try again" : refused > 0 && good > 0 ? "Start without them" : "Start"}
      </button>
      <p className="note">{standingWords(store)}</p>
    </div>
  );
}

function standingWords({ rows }: UploadStore): string {
  const refused = rows.filter(({ state }) => state === "refused").length;
  if (refused > 0) return `${showCount(refused)} of ${filesWords(rows.length)} refused.`;
  return rows.length === 0 ? "Nothing is sent before you start." : filesWords(rows.length);
}

function filesWords(count: number): string {
  return `${showCount(count)} ${count === 1 ? "file" : "files"}`;
}

/** What the server refused of single options that the form asks for, by their names. */
function refusedFields(
  problem: ApiError | TypeError | null,
  fields: readonly OptionField[],
): ReadonlyMap<string, string> {
  const errors = problem instanceof ApiError ? (problem.problem.errors ?? []) : [];
  return new Map(
    fields.flatMap(({ name }) => {
      const error = errors.find(({ path }) => path === `/options/${name}`);
      return error === undefined ? [] : [[name, error.message] as const];
    }),
  );
}
