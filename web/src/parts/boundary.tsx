import { Component, type ReactNode } from "react";
import { Empty } from "./notice.tsx";

interface State {
  readonly message: string | null;
}

/** What stands in place of a page that broke: what it said, and the way back; of a part that broke: what is given instead. */
export class Boundary extends Component<{ readonly children: ReactNode; readonly instead?: ReactNode }, State> {
  override state: State = { message: null };

  static getDerivedStateFromError(error: unknown): State {
    return { message: String(error) };
  }

  override render(): ReactNode {
    const { message } = this.state;
    if (message === null) return this.props.children;
    if (this.props.instead !== undefined) return this.props.instead;
    return (
      <main>
        <Empty title="The page broke">
          <p>
            Nothing that runs is touched by it. <code>{message}</code>
          </p>
          <p>
            <a href="/">Load it again</a>
          </p>
        </Empty>
      </main>
    );
  }
}
