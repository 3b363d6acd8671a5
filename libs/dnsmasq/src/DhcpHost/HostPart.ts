/** The fields of a dhcp-host entry, by what dnsmasq takes them for. */
import { Result } from "effect"
import type { DhcpHostError, HostDoubt } from "./HostProblem.ts"

export type LeaseTime = "infinite" | { readonly seconds: number }

export type HostPart =
  | { readonly is: "mac"; readonly mac: string; readonly hardwareType?: number; readonly wildcard?: true }
  | { readonly is: "client-id"; readonly clientId: string }
  | { readonly is: "any-client-id" }
  | { readonly is: "set"; readonly tag: string }
  | { readonly is: "tag"; readonly tag: string }
  | { readonly is: "ip"; readonly ip: string }
  | { readonly is: "ipv6"; readonly ip: string; readonly prefixLength?: number }
  | { readonly is: "lease-time"; readonly leaseTime: LeaseTime }
  | { readonly is: "ignore" }
  | { readonly is: "name"; readonly hostname: string; readonly domain?: string }
  | { readonly is: "nothing" }

export interface ReadPart {
  readonly part: HostPart
  readonly doubts: ReadonlyArray<HostDoubt>
}

export type PartResult = Result.Result<ReadPart, DhcpHostError>

export const sure = (part: HostPart): PartResult => Result.succeed({ part, doubts: [] })

export const doubtful = (part: HostPart, ...doubts: ReadonlyArray<HostDoubt>): PartResult =>
  Result.succeed({ part, doubts })
