import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { Boundary } from "./parts/boundary.tsx";
import { applyTheme } from "./parts/theme.tsx";
import "./style.css";

applyTheme();
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no place for the dashboard");
createRoot(root).render(
  <StrictMode>
    <Boundary>
      <App />
    </Boundary>
  </StrictMode>,
);
