/** Every test but the long runs (`vitest.soak.config.ts`); the servers are started once, in this process. */
import { defineConfig } from "vitest/config"
import { SummaryReporter } from "./tests/summary-reporter.ts"

export default defineConfig({
  test: {
    include: ["{apps,libs,scripts,tests}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/*.soak.test.ts"],
    globalSetup: ["./tests/global-setup.ts"],
    reporters: ["default", new SummaryReporter()],
    passWithNoTests: false,
    pool: "forks",
    // Two more than the smallest machine has cores: most of what takes long waits for a client, a restart, a timer.
    maxWorkers: 4,
    // These only end what hangs: a machine that has other work may be many times slower.
    testTimeout: 90_000,
    hookTimeout: 90_000
  }
})
