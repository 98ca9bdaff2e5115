import { type JSX, useEffect, useState } from "react";

/**
 * A picture that is read with the caller's right to it, which the address alone does not carry. Its place is there
 * before it is.
 */
export function Picture(props: {
  readonly read: (options: { readonly signal: AbortSignal }) => Promise<Response>;
  /** Another picture has another. */
  readonly id: string;
  readonly alt: string;
  readonly className?: string;
  /** What is said where there is no such picture. */
  readonly instead?: string;
}): JSX.Element {
  const { read, id, alt, instead = "" } = props;
  const [address, setAddress] = useState<string | null>(null);
  const [isMissing, setMissing] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the id says which picture it is
  useEffect(() => {
    const stop = new AbortController();
    let made: string | null = null;
    setAddress(null);
    setMissing(false);
    read({ signal: stop.signal })
      .then((answer) => answer.blob())
      .then(
        (blob) => {
          if (stop.signal.aborted) return;
          made = URL.createObjectURL(blob);
          setAddress(made);
        },
        () => setMissing(!stop.signal.aborted),
      );
    return () => {
      stop.abort();
      if (made !== null) URL.revokeObjectURL(made);
    };
  }, [id]);
  return (
    <span className={`picture ${props.className ?? ""}`}>
      {address !== null && <img src={address} alt={alt} />}
      {isMissing && instead}
    </span>
  );
}
