/** Images of the batch whose answer is about 1 KB. */
export const IMAGES = 7;

/** What the server answers about a batch of so many images, in its length. */
export function statusBody(): string {
  const id = "01234567-89ab-7def-8123-456789abcdef";
  const images = Array.from({ length: IMAGES }, (_, index) => ({
    id,
    filename: `photo-${index}.png`,
    status: "pending",
  }));
  const progress = {
    total: IMAGES,
    completed: 0,
    failed: 0,
    processing: 0,
    pending: IMAGES,
    cancelled: 0,
    processed: 0,
    percent: 0,
  };
  return JSON.stringify({
    batchId: id,
    status: "pending",
    progress,
    images,
    nextCursor: null,
    estimatedTimeRemaining: null,
    estimate: null,
    createdAt: new Date(0).toISOString(),
    startedAt: null,
    completedAt: null,
  });
}
