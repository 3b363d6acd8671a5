/**
 * A wrong setting in the words that the operator knows: the name of the variable, and what is wrong with it.
 *
 * Effect's own text is a path (`at ["INGEST"]["SERVER"]`), which nobody has written into an environment file.
 */
import type { Config } from "effect"

export interface ConfigProblem {
  /** `INGEST_SERVER`; `the configuration` where the error names none. */
  readonly variable: string
  readonly problem: string
}

export const configProblem = ({ message }: Pick<Config.ConfigError, "message">): ConfigProblem => {
  const [, problem = message, path = ""] = /^SchemaError\((.*)\n {2}at (\S*)\)$/su.exec(message) ?? []
  const variable = [...path.matchAll(/\["(\w+)"\]/gu)].map(([, name]) => name).join("_")
  const what = problem.replace("a valid Duration string", "a duration such as 250 millis or 5 seconds")
  return {
    variable: variable === "" ? "the configuration" : variable,
    problem: what === "Expected string" ? "is missing" : what.replace(/^Expected/u, "is not")
  }
}
