import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `milepost serve` answers. Pages must be of the same origin, so its paths are passed on to it. */
const target = process.env.MILEPOST_URL ?? "http://127.0.0.1:7077";

// biome-ignore lint/style/noDefaultExport: Vite reads the default export
export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/api": { target, changeOrigin: true } } },
});
