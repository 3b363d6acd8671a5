/**
 * Publishes messages to a stream in one go, and waits for what JetStream says to each.
 *
 * They are written to one connection without anything between them, so that when it breaks, those that were stored are
 * the first ones. Without a request and a timer for each, which the client's own `publish` costs.
 */
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node"

export interface Publication {
  readonly subject: string
  readonly body: string
  readonly headers: MsgHdrs
}

export interface Published {
  /** How many of the first messages are stored. */
  readonly stored: number
  /** Why the next one is not. */
  readonly problem: string | undefined
}

const patience = 5_000

export const publishInOrder = (
  connection: NatsConnection,
  publications: ReadonlyArray<Publication>
): Promise<Published> => {
  const problems: Array<string | undefined> = publications.map(() => "no answer")
  let open = publications.length
  if (open === 0) return Promise.resolve({ stored: 0, problem: undefined })
  return new Promise((resolve, reject) => {
    const inbox = createInbox()
    const end = () => {
      clearTimeout(timer)
      subscription.unsubscribe()
      const failed = problems.findIndex((problem) => problem !== undefined)
      resolve(
        failed < 0 ? { stored: problems.length, problem: undefined } : { stored: failed, problem: problems[failed] }
      )
    }
    const timer = setTimeout(end, patience)
    const subscription = connection.subscribe(`${inbox}.*`, {
      callback: (error, answer) => {
        const index = Number(answer.subject.slice(inbox.length + 1))
        if (error !== null || problems[index] === undefined) return
        problems[index] = problemOf(answer)
        if (--open === 0) end()
      }
    })
    try {
      publications.forEach(({ body, headers, subject }, index) =>
        connection.publish(subject, body, { headers, reply: `${inbox}.${index}` })
      )
    } catch (error) {
      clearTimeout(timer)
      reject(error)
    }
  })
}

/** An acknowledgement names the stream; everything else is a refusal. */
const problemOf = (answer: Msg): string | undefined => {
  if (answer.headers?.code === 503) return "no stream takes it"
  const said = answer.string()
  return said.startsWith("{\"stream\"") ? undefined : said.slice(0, 200)
}
