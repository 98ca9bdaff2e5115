import { type JSX, useEffect } from "react";
import { pacedFrames, useVersion } from "../live/observable.ts";
import { useStarted } from "../live/use-started.ts";
import { usePage } from "../session/session-context.tsx";
import type { ExportJob } from "./export-jobs.ts";
import { FrameStore } from "./frame-store.ts";

interface FramePictureProps {
  readonly job: ExportJob;
  readonly isHalted: boolean;
}

/** What the video looks like where its export stands; its place is there before it is. */
export function FramePicture(props: FramePictureProps): JSX.Element {
  const { session } = usePage();
  const { batch, item } = props.job;
  const store = useStarted(() => {
    const client = session.client.batch(batch.id).item(item.id);
    const read = async (signal: AbortSignal): Promise<Blob> => (await client.preview({ signal })).blob();
    return new FrameStore({ read, schedule: pacedFrames() });
  }, [session, batch.id, item.id]);
  return <div className="frame">{store !== null && <Shown {...props} store={store} />}</div>;
}

function Shown(props: FramePictureProps & { readonly store: FrameStore }): JSX.Element | null {
  const { store, isHalted } = props;
  const { item, name } = props.job;
  const { unit, done } = item.progress;
  useVersion(store);
  useEffect(() => {
    // Before its first frame there is nothing to see, and other work than videos has none.
    if (unit === "frame" && done !== null && done > 0) store.tell({ frame: done, isHalted });
  }, [store, unit, done, isHalted]);
  return store.address === null ? null : <img src={store.address} alt={`${name} where its export stands`} />;
}
