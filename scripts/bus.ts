/**
 * The three commands of the NATS CLI that the first tour needs, for machines without it:
 * `pub SUBJECT BODY`, `req SUBJECT BODY`, `sub SUBJECT`. The server is `NATS_SERVERS`, else the one of `npm start`;
 * credentials are the apps' (`NATS_USER` and the others).
 */
import { sanitizeText } from "@leasehold/events"
import { connectNats } from "./up/connectNats.ts"

const usage = "Usage: npm run -s bus -- pub SUBJECT BODY | req SUBJECT BODY | sub SUBJECT\n"

const [verb, subject, body = ""] = process.argv.slice(2)
const show = (text: string) => process.stdout.write(`${sanitizeText(text)}\n`)
if (subject === undefined || !["pub", "req", "sub"].includes(verb ?? "")) {
  process.stderr.write(usage)
  process.exitCode = 1
} else {
  try {
    const connection = await connectNats("npm run bus")
    try {
      if (verb === "sub") {
        process.once("SIGINT", () => void connection.drain())
        process.stderr.write(`listening on ${subject}, Ctrl-C ends it\n`)
        for await (const message of connection.subscribe(subject)) show(`${message.subject} ${message.string()}`)
      } else if (verb === "req") {
        show((await connection.request(subject, body, { timeout: 5_000 })).string())
      } else {
        connection.publish(subject, body)
        await connection.flush()
      }
    } finally {
      await connection.close()
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
