"use client";
export { BatchProgress, type BatchProgressProps } from "./batch-progress.ts";
export type { BatchView, FollowState } from "./batch-view.ts";
export type { ItemsView } from "./items-store.ts";
export { type UsedBatch, useBatch } from "./use-batch.ts";
export { type UsedItems, type UseItemsOptions, useItems } from "./use-items.ts";
