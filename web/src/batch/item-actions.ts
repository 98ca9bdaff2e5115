import type { ItemClient, ItemControlled } from "../../../src/client/client.ts";
import type { WireItem } from "../../../src/wire/item.ts";
import type { Action } from "../parts/actions.tsx";

export interface ItemHandles {
  readonly client: Pick<ItemClient, "hold" | "unhold" | "cancel" | "retry" | "remove">;
  readonly onChanged: () => void;
  readonly onRemoved: () => void;
}

/** What can be done to an item as it is now. */
export function itemActions(item: Pick<WireItem, "state" | "isHeld">, handles: ItemHandles): readonly Action[] {
  const { client, onChanged, onRemoved } = handles;
  const { state, isHeld } = item;
  const give = (command: () => Promise<ItemControlled>, said: string) => async () => {
    await command();
    onChanged();
    return said;
  };
  const actions: Action[] = [];
  if (state === "failed" || state === "cancelled") {
    actions.push({
      name: "Retry",
      isMain: true,
      effect: "It goes back to pending, with all its attempts.",
      run: give(() => client.retry(), "It will be tried again."),
    });
  }
  if (state === "pending" && isHeld) {
    actions.push({
      name: "Unhold",
      isMain: true,
      effect: "It may start again.",
      run: give(() => client.unhold(), "It may start."),
    });
  }
  if (state === "pending" && !isHeld) {
    actions.push({
      name: "Hold",
      effect: "It stays pending until it is unheld; the others go on.",
      run: give(() => client.hold(), "It is held."),
    });
  }
  if (state === "pending" || state === "processing") {
    const running = state === "processing" ? " What runs of it is aborted." : "";
    actions.push({
      name: "Cancel",
      isDestructive: true,
      effect: `The item ends as cancelled at once.${running} It can be retried.`,
      run: give(() => client.cancel(), "It is cancelled."),
    });
  }
  if (state !== "processing") {
    actions.push({
      name: "Remove",
      isDestructive: true,
      effect: "What is known of the item is deleted for good, and it is counted no more.",
      run: async () => {
        await client.remove();
        onRemoved();
        return "It is removed.";
      },
    });
  }
  return actions;
}
