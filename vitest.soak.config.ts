/** The long runs only: soak, many kills. */
import { defineConfig } from "vitest/config"
import { SummaryReporter } from "./tests/summary-reporter.ts"

export default defineConfig({
  test: {
    include: ["{apps,libs,scripts,tests}/**/*.soak.test.ts"],
    exclude: ["**/node_modules/**"],
    globalSetup: ["./tests/global-setup.ts"],
    reporters: ["default", new SummaryReporter()],
    passWithNoTests: false,
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 1_800_000,
    hookTimeout: 120_000
  }
})
