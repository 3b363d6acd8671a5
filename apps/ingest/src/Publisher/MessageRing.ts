/**
 * Encoded messages in the order they came, in one buffer of a fixed size, until they are released in that order.
 *
 * Messages wait for their acknowledgement by the thousand; as bytes in a ring they cost the garbage collector nothing.
 * Plain functions, run once a message. A message that waits is numbered by when it came, from zero.
 */
import { cloudEventHeaders, type DhcpEvent, encodeBody, eventSubject } from "@leasehold/events"

/** A message as it goes out. The bytes are the ring's: they are good until the message is released. */
export interface Encoded {
  readonly subject: string
  readonly headers: Uint8Array
  readonly body: Uint8Array
}

export interface MessageRing {
  /** Whether a message of any allowed size finds room. */
  readonly hasRoom: () => boolean
  /** Whether it is at most three quarters full. */
  readonly isSlack: () => boolean
  /** Adds a message at the end; false when it is larger than allowed. Ask for room before. */
  readonly add: (event: DhcpEvent) => boolean
  /** Puts a smaller message in the place of one; false when it is larger, and the one stays. */
  readonly replace: (number: number, event: DhcpEvent) => boolean
  readonly get: (number: number) => Encoded
  /** Lets go of the oldest. */
  readonly release: () => void
  /** Number of the oldest, and the number that the next to come will have. */
  readonly oldest: () => number
  readonly end: () => number
}

const headersOf = (event: DhcpEvent): string => {
  let text = "NATS/1.0\r\n"
  for (const [name, value] of cloudEventHeaders(event)) text += `${name}: ${value}\r\n`
  return `${text}\r\n`
}

export const makeMessageRing = (
  limits: { readonly messages: number; readonly bytes: number; readonly messageBytes: number }
): MessageRing => {
  const ring = Buffer.alloc(Math.max(limits.bytes, 2 * limits.messageBytes))
  const starts = new Uint32Array(limits.messages)
  const headerLengths = new Uint32Array(limits.messages)
  const lengths = new Uint32Array(limits.messages)
  /** As it was added: what replaces it may take so much. */
  const rooms = new Uint32Array(limits.messages)
  const subjects: Array<string> = Array.from({ length: limits.messages }, () => "")
  let oldest = 0
  let end = 0
  /** Where the next message goes, and where the oldest begins. */
  let head = 0

  const hasRoom = (): boolean => {
    if (end - oldest >= limits.messages) return false
    if (end === oldest) {
      head = 0
      return true
    }
    const first = starts[oldest % limits.messages] ?? 0
    if (head > first) {
      if (ring.length - head >= limits.messageBytes) return true
      if (first < limits.messageBytes) return false
      head = 0
      return true
    }
    return first - head >= limits.messageBytes
  }

  const used = (): number => {
    if (end === oldest) return 0
    const first = starts[oldest % limits.messages] ?? 0
    return head > first ? head - first : ring.length - first + head
  }

  const write = (number: number, at: number, room: number, event: DhcpEvent): number => {
    const headers = headersOf(event)
    const text = headers + encodeBody(event)
    // At most three bytes for each unit of a string; most are one.
    if (text.length * 3 > room && Buffer.byteLength(text) > room) return 0
    const slot = number % limits.messages
    const length = ring.write(text, at)
    starts[slot] = at
    headerLengths[slot] = headers.length
    lengths[slot] = length
    subjects[slot] = eventSubject(event.server, event.kind)
    return length
  }

  return {
    hasRoom,
    isSlack: () => end - oldest <= limits.messages * 0.75 && used() <= ring.length * 0.75,
    add: (event) => {
      const length = write(end, head, limits.messageBytes, event)
      if (length === 0) return false
      rooms[end % limits.messages] = length
      head += length
      end++
      return true
    },
    replace: (number, event) => {
      const slot = number % limits.messages
      return write(number, starts[slot] ?? 0, rooms[slot] ?? 0, event) > 0
    },
    get: (number) => {
      const slot = number % limits.messages
      const start = starts[slot] ?? 0
      const body = start + (headerLengths[slot] ?? 0)
      return {
        subject: subjects[slot] ?? "",
        headers: ring.subarray(start, body),
        body: ring.subarray(body, start + (lengths[slot] ?? 0))
      }
    },
    release: () => {
      oldest++
    },
    oldest: () => oldest,
    end: () => end
  }
}
