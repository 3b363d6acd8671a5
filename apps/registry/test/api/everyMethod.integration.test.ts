/** Every method of every service, called by a client that has nothing in common with what serves them. */
import { AccessService, IpamService, PolicyService, ServerService, WatcherService } from "@leasehold/registry-api"
import { Health } from "@leasehold/registry-api/gen/grpc/health/v1/health_pb"
import { ServerReflection } from "@leasehold/registry-api/gen/grpc/reflection/v1/reflection_pb"
import { afterAll, assert, beforeAll, it } from "vitest"
import { ipamStory } from "./everyMethod/ipamStory.ts"
import { observedStory } from "./everyMethod/observedStory.ts"
import { othersStory } from "./everyMethod/othersStory.ts"
import { answered, start, stop } from "./everyMethod/Story.ts"
import { systemsStory } from "./everyMethod/systemsStory.ts"

const services = [WatcherService, IpamService, PolicyService, ServerService, AccessService, Health, ServerReflection]

beforeAll(start)
afterAll(stop)

// They follow each other, and build on each other.
systemsStory()
observedStory()
ipamStory()
othersStory()

it("no method is left out", () => {
  const all = services.flatMap(({ methods, typeName }) => methods.map(({ name }) => `${typeName}/${name}`))
  assert.deepStrictEqual(all.filter((method) => !answered.has(method)), [])
})
