import { type JSX, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { DOCUMENTS, EXPORTS, NEW, OVERVIEW, type View } from "./address/address.ts";
import { useView, ViewLink } from "./address/navigation.tsx";
import { useVersion } from "./live/observable.ts";
import { OverviewPage } from "./overview/overview-page.tsx";
import { lazyPage } from "./parts/lazy-page.ts";
import { Empty } from "./parts/notice.tsx";
import { ThemeSwitch } from "./parts/theme.tsx";
import { sessionOf, storedToken, storeToken } from "./session/session.ts";
import {
  Announcer,
  type ConnectionState,
  ConnectionStatus,
  type PageContext,
  PageProvider,
  usePage,
} from "./session/session-context.tsx";
import { SignIn } from "./session/sign-in.tsx";

// What only a batch's page needs, its charts above all, is read when one is opened.
const BatchPage = lazyPage(async () => (await import("./batch/batch-page.tsx")).BatchPage);

const NewPage = lazyPage(async () => (await import("./new/new-page.tsx")).NewPage);
const DocumentsPage = lazyPage(async () => (await import("./documents/documents-page.tsx")).DocumentsPage);
const ExportsPage = lazyPage(async () => (await import("./exports/exports-page.tsx")).ExportsPage);

/** The whole page: who is at it, and what is looked at. */
export function App(): JSX.Element {
  const [token, setToken] = useState(storedToken);
  const [isSigningIn, setSigningIn] = useState(false);
  const [connection] = useState(() => new ConnectionStatus());
  const [announcer] = useState(() => new Announcer());
  const keepToken = useCallback((next: string | null): void => {
    storeToken(next);
    setToken(next);
    setSigningIn(false);
  }, []);
  const page = useMemo<PageContext>(
    () => ({ session: sessionOf(token), connection, announcer, signOut: () => keepToken(null) }),
    [token, connection, announcer, keepToken],
  );
  return (
    <PageProvider value={page}>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Header onSignIn={() => setSigningIn(true)} />
      {/* Who signs in or out is another caller: nothing of the one before stays. */}
      <main id="main" tabIndex={-1} key={token ?? "visitor"}>
        <Suspense fallback={<p className="loading note">Loading …</p>}>
          <CurrentPage />
        </Suspense>
      </main>
      <LiveRegion />
      {isSigningIn && <SignIn onToken={keepToken} onClose={() => setSigningIn(false)} />}
    </PageProvider>
  );
}

function CurrentPage(): JSX.Element {
  const view = useView();
  useEffect(() => {
    if (view.page === "missing") document.title = "Not found · Milepost";
  }, [view]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each page
  useEffect(() => {
    // The link that led here may be gone, and the focus with it: keys and screen readers go on where the page begins.
    if (document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true });
  }, [view.page]);
  switch (view.page) {
    case "overview":
      return <OverviewPage view={view} />;
    case "batch":
      return <BatchPage key={view.batchId} view={view} />;
    case "new":
      return <NewPage view={view} />;
    case "documents":
      return <DocumentsPage view={view} />;
    case "exports":
      return <ExportsPage view={view} />;
    case "missing":
      return (
        <Empty title="There is no such page" isWholePage>
          <p>Nothing has the address {location.pathname}; it may be mistyped.</p>
          <p>
            <ViewLink to={OVERVIEW}>All batches</ViewLink> are on the overview.
          </p>
        </Empty>
      );
  }
}

const PAGES: readonly { readonly to: View; readonly name: string }[] = [
  { to: OVERVIEW, name: "Overview" },
  { to: DOCUMENTS, name: "Documents" },
  { to: EXPORTS, name: "Exports" },
  { to: NEW, name: "New work" },
];

function Header(props: { readonly onSignIn: () => void }): JSX.Element {
  const { session, signOut } = usePage();
  const view = useView();
  return (
    <header className="top">
      <ViewLink to={OVERVIEW} className="brand">
        Milepost
      </ViewLink>
      <nav aria-label="Pages">
        {PAGES.map(({ to, name }) => (
          <ViewLink key={name} to={to} isCurrent={view.page === to.page}>
            {name}
          </ViewLink>
        ))}
      </nav>
      <div className="top-end">
        <Connection />
        <ThemeSwitch />
        {session.isOperator ? (
          <button type="button" className="quiet" onClick={signOut}>
            Sign out
          </button>
        ) : (
          <button type="button" className="quiet" onClick={props.onSignIn}>
            Sign in
          </button>
        )}
      </div>
    </header>
  );
}

const CONNECTION_WORDS: Readonly<Record<ConnectionState, string>> = {
  idle: "",
  connecting: "Connecting",
  live: "Live",
  waiting: "Reconnecting",
};

function Connection(): JSX.Element {
  const { connection } = usePage();
  useVersion(connection);
  const { state } = connection;
  return (
    <span className={`connection ${state}`} role="status">
      {CONNECTION_WORDS[state]}
    </span>
  );
}

/** What happened, for people who do not see it. */
function LiveRegion(): JSX.Element {
  const { announcer } = usePage();
  useVersion(announcer);
  return (
    <div className="hidden" aria-live="polite">
      {announcer.text}
    </div>
  );
}
