/** What the renderer counts. Labels come from small fixed sets. */
import { Metric } from "effect"

export const wantedGeneration = Metric.gauge("renderer_wanted_generation", {
  description: "Generation that the file should have",
  bigint: true
})
export const appliedGeneration = Metric.gauge("renderer_applied_generation", {
  description: "Generation that dnsmasq uses",
  bigint: true
})
export const reservations = Metric.gauge("renderer_reservations", { description: "Reservations that dnsmasq uses" })
export const leftOut = Metric.gauge("renderer_reservations_left_out", {
  description: "Reservations that broke a rule or were skipped by dnsmasq"
})
export const renders = Metric.histogram("renderer_render_seconds", {
  description: "Time to read and render the file",
  boundaries: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10]
})
const activations = Metric.counter("renderer_activations_total", {
  description: "Activations of a file, by their result",
  incremental: true
})
export const activationsThat = (result: "succeeded" | "failed") => Metric.withAttributes(activations, { result })
export const blocked = Metric.histogram("renderer_reload_seconds", {
  description: "Time in which dnsmasq did not answer because of a reload or restart",
  boundaries: [0.005, 0.02, 0.1, 0.5, 2, 10, 60]
})
export const budgetWait = Metric.gauge("renderer_budget_wait_seconds", {
  description: "Time for which a change waits for the reload budget; 0 when none does"
})
export const failuresInARow = Metric.gauge("renderer_failures_in_a_row", {
  description: "Failed attempts since the last good one"
})
export const isServing = Metric.gauge("renderer_serving", {
  description: "1 while this is the renderer of its server; 0 while another is, or PostgreSQL is away"
})
