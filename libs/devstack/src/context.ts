/**
 * What the test run provides to every test file: `inject("pgUrl")` and `inject("natsUrl")` from vitest.
 *
 * The types are there wherever `@leasehold/devstack` is imported, or by `/// <reference types="@leasehold/devstack/context" />`.
 */
import { type ProvidedContext } from "vitest"

declare module "vitest" {
  export interface ProvidedContext {
    /** A superuser's URL of the PostgreSQL cluster that all test files share; see `freshDatabase`. */
    readonly pgUrl: string
    /** The nats-server that all test files share; streams and subjects carry names of their own. */
    readonly natsUrl: string
  }
}

export type SharedServers = Pick<ProvidedContext, "pgUrl" | "natsUrl">
