import { z } from "zod";

/**
 * Any JSON value; registered under one name, so that documents refer to it instead of repeating it. Whatever is checked by it was
 * read from JSON, so there is nothing left to find out: walking the value would cost more than all the rest of reading it.
 */
export const jsonSchema = z
  .custom<z.util.JSONType>((value) => value !== undefined)
  .register(z.globalRegistry, { id: "Json", description: "Any JSON value" });
