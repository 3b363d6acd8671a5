import { assert, it } from "vitest"
import { addressBytes, addressText, decodeReply, encodeMessage } from "../../src/lab/packet.ts"

/** Turns a client's packet into a server's. */
const answered = (packet: Uint8Array) => Uint8Array.from(packet, (byte, index) => index === 0 ? 2 : byte)

it("writes what it reads: type, transaction, addresses, options", () => {
  const packet = encodeMessage({
    type: "request",
    mac: "02:00:00:00:00:01",
    ciaddr: "10.99.0.7",
    options: [[12, "näme\n"], [50, addressBytes("10.99.0.8")], [60, new Uint8Array()]]
  }, 0xfeedface)
  const reply = decodeReply(answered(packet))
  assert.isDefined(reply)
  assert.strictEqual(reply.type, "request")
  assert.strictEqual(reply.xid, 0xfeedface)
  assert.strictEqual(reply.ciaddr, "10.99.0.7")
  assert.strictEqual(Buffer.from(reply.options.get(12) ?? []).toString(), "näme\n")
  assert.strictEqual(addressText(reply.options.get(50) ?? new Uint8Array()), "10.99.0.8")
  assert.strictEqual(reply.options.get(60)?.length, 0)
})

it("writes a hardware address of any length up to sixteen bytes", () => {
  const packet = encodeMessage({ mac: "0102030405060708090a0b0c0d0e0f10", htype: 32 }, 1)
  assert.deepStrictEqual([...packet.subarray(1, 3)], [32, 16])
  assert.deepStrictEqual([...packet.subarray(28, 44)], Array.from({ length: 16 }, (_, index) => index + 1))
})

it("refuses an option that no packet can carry", () => {
  assert.throws(() => encodeMessage({ mac: "02", options: [[12, "x".repeat(256)]] }, 1), /option 12 is longer/)
})

it("reads no answer in a client's packet, nor in a short one", () => {
  const packet = encodeMessage({ type: "discover", mac: "02:00:00:00:00:01" }, 1)
  assert.isUndefined(decodeReply(packet))
  assert.isUndefined(decodeReply(answered(packet).subarray(0, 239)))
})

it("survives options that end in the middle", () => {
  const packet = answered(
    encodeMessage({ type: "ack", mac: "02:00:00:00:00:01", tail: Uint8Array.of(0, 0, 61, 200, 1) }, 1)
  )
  for (let length = 240; length <= packet.length; length++) assert.isDefined(decodeReply(packet.subarray(0, length)))
})
