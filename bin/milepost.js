#!/usr/bin/env node
// Plain JavaScript that any Node can read: the version is checked before anything else is imported.
const NODE_MIN = 24;
const major = Number(process.versions.node.split(".")[0]);

if (major < NODE_MIN) {
  process.stderr.write(
    `milepost: needs Node ${NODE_MIN} or newer; this is Node ${process.versions.node}. ` +
      "Install it, or add it to the project with `npm install node@24` and run `npx milepost`\n",
  );
  process.exitCode = 2;
} else {
  const { runProcess } = await import("../dist/cli/main.js").catch((error) => {
    if (error?.code !== "ERR_MODULE_NOT_FOUND" || !String(error.message).includes("dist")) throw error;
    process.stderr.write("milepost: this checkout is not built yet; run `npm ci` or `npm run build` in it first\n");
    return { runProcess: undefined };
  });
  if (runProcess === undefined) process.exitCode = 2;
  else await runProcess();
}
