import { z } from "zod";

/** Any JSON value; registered under one name, so that documents refer to it instead of repeating it. */
export const jsonSchema = z.json().register(z.globalRegistry, { id: "Json", description: "Any JSON value" });
