/**
 * IPv4 and IPv6 addresses as canonical text: dotted quad without leading zeros, RFC 5952 for IPv6.
 */
import { Effect, type Option, Result, Schema, SchemaIssue, SchemaTransformation } from "effect"
import { NetAddress } from "effect/net"

const octet = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
const ipv4 = new RegExp(`^${octet}(\\.${octet}){3}$`, "u")

export const Ipv4 = Schema.String.check(
  Schema.isPattern(ipv4, { expected: "an IPv4 address such as 10.0.0.7" })
).annotate({ description: "IPv4 address, dotted quad" }).pipe(Schema.brand("Ipv4"))
export type Ipv4 = typeof Ipv4.Type

const expected = "an IPv6 address such as fd00::7"

export const Ipv6 = Schema.String.check(
  Schema.isPattern(/^[0-9A-Fa-f:.]{2,45}$/u, { expected })
).annotate({ description: "IPv6 address without zone" }).pipe(
  Schema.decodeTo(
    Schema.String.pipe(Schema.brand("Ipv6")),
    SchemaTransformation.transformEffect({
      decode: (text) => {
        const parsed = NetAddress.ipv6FromString(text)
        return Result.isSuccess(parsed)
          ? Effect.succeed(NetAddress.formatIp(parsed.success))
          : Effect.fail(new SchemaIssue.InvalidValue({ expected }, text))
      },
      encode: (ip) => Effect.succeed(ip)
    })
  )
)
export type Ipv6 = typeof Ipv6.Type
export type IpAddress = Ipv4 | Ipv6

/** The address as an unsigned number, for ranges and comparisons. */
export const ipv4ToNumber = (ip: Ipv4): number => ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0)

export const ipv4FromNumber = (value: number): Option.Option<Ipv4> =>
  Schema.decodeOption(Ipv4)([24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join("."))
