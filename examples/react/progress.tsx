import { createClient } from "milepost/client";
import { BatchProgress } from "milepost/react";

export const client = createClient({ url: location.origin });

export const Progress = ({ batchId }: { batchId: string }) => <BatchProgress client={client} batchId={batchId} />;
