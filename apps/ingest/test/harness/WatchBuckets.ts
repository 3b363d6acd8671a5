/** The buckets of the bus by which an ingest is configured and tells of itself, as the registry makes them. */
import { eventuallyHolds } from "@leasehold/devstack/test"
import { bucketStream, decodeIngestReport, INGEST_CONFIG, INGEST_STATUS, type IngestReport } from "@leasehold/events"
import { type KV, Kvm } from "@nats-io/kv"
import { Effect } from "effect"
import type { EventStream } from "./EventStream.ts"

export class WatchBuckets {
  private readonly config: KV
  private readonly status: KV
  private readonly stream: EventStream
  private revision = 0

  private constructor(stream: EventStream, config: KV, status: KV) {
    this.stream = stream
    this.config = config
    this.status = status
  }

  static async make(stream: EventStream): Promise<WatchBuckets> {
    const manage = new Kvm(stream.connection)
    const [config, status] = await Promise.all([
      manage.create(INGEST_CONFIG.name, { history: 1 }),
      manage.create(INGEST_STATUS.name, { history: 1 })
    ])
    return new WatchBuckets(stream, config, status)
  }

  /** Puts a configuration of the next revision, whatever it holds; gives the revision. */
  async configure(config: { readonly logFiles: ReadonlyArray<unknown>; readonly zone?: string }): Promise<number> {
    const revision = ++this.revision
    await this.config.put("lab", JSON.stringify({ revision, ...config }))
    return revision
  }

  async put(text: string): Promise<void> {
    await this.config.put("lab", text)
  }

  async unconfigure(): Promise<void> {
    await this.config.delete("lab")
  }

  async deleteConfigBucket(): Promise<void> {
    await this.stream.manager.streams.delete(bucketStream(INGEST_CONFIG))
  }

  /** The latest report, and its key. */
  async report(): Promise<(IngestReport & { readonly key: string }) | undefined> {
    const prefix = `$KV.${INGEST_STATUS.name}.`
    const { state } = await this.stream.manager.streams.info(bucketStream(INGEST_STATUS), { subjects_filter: ">" })
    const [subject] = Object.keys(state.subjects ?? {})
    const entry = subject === undefined ? null : await this.status.get(subject.slice(prefix.length))
    if (entry === null) return undefined
    return { key: entry.key, ...await Effect.runPromise(decodeIngestReport(entry.string())) }
  }

  /** Waits for a report of which this is true, and gives it. */
  async reported(met: (report: IngestReport) => boolean): Promise<IngestReport & { readonly key: string }> {
    const holds = (one: IngestReport | undefined) => one !== undefined && met(one)
    const report = await eventuallyHolds("there is the report that is waited for", () => this.report(), holds)
    if (report === undefined) throw new Error("there is no report")
    return report
  }
}
