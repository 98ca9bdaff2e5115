import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Figures } from "../case.ts";
import type { KaraokeInput } from "./input.ts";

/**
 * One ffmpeg, whose libass burns the same words in: the picture is decoded once, and x264 has the preset, quality and key frames of our encoder.
 */
export async function measure({ lyrics, background, output, fps, seconds }: KaraokeInput): Promise<Figures> {
  const filter = `loop=loop=-1:size=1:start=0,setpts=N/${fps}/TB,format=yuv420p,ass=${basename(lyrics)}`;
  const x264 = ["-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-crf", "23", "-g", String(2 * fps)];
  const words = ["-nostdin", "-hide_banner", "-benchmark", "-framerate", String(fps), "-i", background, "-vf", filter];
  const end = ["-pix_fmt", "yuv420p", "-t", String(seconds), "-movflags", "+faststart", "-y", output];
  const startedAt = performance.now();
  const child = spawn("ffmpeg", [...words, ...x264, ...end], {
    cwd: dirname(lyrics),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [status] = await once(child, "close");
  const ms = performance.now() - startedAt;
  const [, user, system] = /bench: utime=([\d.]+)s stime=([\d.]+)s/.exec(said) ?? [];
  const [, peakKib] = /bench: maxrss=(\d+)kB/i.exec(said) ?? [];
  if (status !== 0 || user === undefined) throw new Error(`ffmpeg failed: ${said.slice(-1_000)}`);
  const cpuMs = (Number(user) + Number(system)) * 1_000;
  return { ms, cpuMs, bytes: statSync(output).size, peakBytes: Number(peakKib) * 1_024 };
}
