/** Runs inside a machine of a lab: sends each packet that its parent hands over, and hands back each answer. */
import { createSocket } from "node:dgram"

const socket = createSocket("udp4")
socket.on("message", (packet) => void process.send?.(new Uint8Array(packet)))
socket.bind(68, () => {
  socket.setBroadcast(true)
  socket.setRecvBufferSize(4 * 1024 * 1024)
  process.send?.("ready")
})
process.on("message", (packet) => {
  if (packet instanceof Uint8Array) socket.send(packet, 67, "255.255.255.255")
})
process.on("disconnect", () => process.exit())
