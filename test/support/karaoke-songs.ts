export { makeSongs, type ProjectName } from "../../examples/karaoke/make-songs.ts";
export { toWav } from "../../examples/karaoke/melody.ts";
export { type Song, songOf } from "../../examples/karaoke/songs.ts";
export * from "../../examples/karaoke/write-lyrics.ts";
