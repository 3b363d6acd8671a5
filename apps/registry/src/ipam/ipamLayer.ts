/** Everything that administers addresses, over `Postgres` and `Administration`. */
import { Layer } from "effect"
import { Changes } from "../administration/Changes.ts"
import { FreeAddresses } from "./FreeAddresses.ts"
import { Imports } from "./Imports.ts"
import { Reservations } from "./Reservations.ts"
import { Review } from "./Review.ts"
import { Servers } from "./Servers.ts"
import { Subnets } from "./Subnets.ts"

export const ipamLayer = Layer.mergeAll(
  Changes.layer,
  FreeAddresses.layer,
  Imports.layer,
  Reservations.layer.pipe(Layer.provide(FreeAddresses.layer)),
  Review.layer,
  Servers.layer,
  Subnets.layer
)
