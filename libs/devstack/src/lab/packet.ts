/** DHCPv4 packets as a client writes and reads them (RFC 2131), with any content a hostile one may choose. */

export const messageTypes = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8
} as const
export type MessageType = keyof typeof messageTypes

export interface RawMessage {
  /** Option 53; left out for a plain BOOTP request. */
  readonly type?: MessageType
  /** The hardware address: up to 16 bytes in hexadecimal, with or without colons. */
  readonly mac: string
  readonly htype?: number
  /** Random unless given. */
  readonly xid?: number
  readonly ciaddr?: string
  readonly giaddr?: string
  /** Whether the answer is to be broadcast; yes unless given. */
  readonly broadcast?: boolean
  /** In this order, after the message type; text is sent as UTF-8. */
  readonly options?: ReadonlyArray<readonly [code: number, value: Uint8Array | string]>
  /** Bytes appended to the options as they are, well-formed or not. */
  readonly tail?: Uint8Array
}

export interface RawReply {
  readonly type: MessageType | "bootreply"
  readonly xid: number
  readonly ciaddr: string
  readonly yiaddr: string
  readonly options: ReadonlyMap<number, Uint8Array>
}

const cookie = [0x63, 0x82, 0x53, 0x63]
const optionsAt = 240
const smallest = 300

export function addressBytes(ip: string): Uint8Array {
  const bytes = ip.split(".").map(Number)
  if (bytes.length !== 4 || bytes.some((byte) => !(byte >= 0 && byte <= 255)))
    throw new Error(`not an IPv4 address: ${ip}`)
  return Uint8Array.from(bytes)
}

export const addressText = (bytes: Uint8Array): string => [...bytes.subarray(0, 4)].join(".")

export function encodeMessage(message: RawMessage, xid: number): Uint8Array {
  const mac = Buffer.from(message.mac.replaceAll(":", ""), "hex")
  const options = (message.options ?? []).map(([code, value]) => {
    const bytes = Buffer.from(value)
    if (bytes.length > 255) throw new Error(`option ${code} is longer than 255 bytes`)
    return Buffer.concat([Uint8Array.of(code, bytes.length), bytes])
  })
  const type = message.type === undefined ? [] : [53, 1, messageTypes[message.type]]
  const body = Buffer.concat([Uint8Array.from(type), ...options, message.tail ?? new Uint8Array(), Uint8Array.of(255)])
  const packet = Buffer.alloc(Math.max(smallest, optionsAt + body.length))
  packet.set([1, message.htype ?? 1, mac.length, 0])
  packet.writeUInt32BE(xid, 4)
  packet.writeUInt16BE(message.broadcast === false ? 0 : 0x8000, 10)
  packet.set(addressBytes(message.ciaddr ?? "0.0.0.0"), 12)
  packet.set(addressBytes(message.giaddr ?? "0.0.0.0"), 24)
  packet.set(mac.subarray(0, 16), 28)
  packet.set(cookie, 236)
  packet.set(body, optionsAt)
  return packet
}

/** Undefined for what is no answer of a server. */
export function decodeReply(packet: Uint8Array): RawReply | undefined {
  if (packet.length < optionsAt || packet[0] !== 2) return undefined
  const options = new Map<number, Uint8Array>()
  for (let at = optionsAt; at < packet.length && packet[at] !== 255;) {
    const length = packet[at] === 0 ? -1 : packet[at + 1] ?? 0
    if (length >= 0) options.set(packet[at] ?? 0, packet.slice(at + 2, at + 2 + length))
    at += 2 + length
  }
  const type = options.get(53)?.[0]
  const known = Object.entries(messageTypes).find(([, code]) => code === type)?.[0]
  return {
    type: isType(known) ? known : "bootreply",
    xid: new DataView(packet.buffer, packet.byteOffset).getUint32(4),
    ciaddr: addressText(packet.subarray(12, 16)),
    yiaddr: addressText(packet.subarray(16, 20)),
    options
  }
}

const isType = (name: string | undefined): name is MessageType => name !== undefined && name in messageTypes
