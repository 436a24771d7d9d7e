import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

const SYSTEM_CHROMIUM = '/usr/bin/chromium';

/** CHROMIUM_PATH, else the system's, else Playwright's own. */
const executablePath = process.env.CHROMIUM_PATH || (existsSync(SYSTEM_CHROMIUM) ? SYSTEM_CHROMIUM : undefined);

export default defineConfig({
  testDir: 'e2e',
  timeout: 60_000,
  expect: { timeout: 15_000 },
  workers: 2,
  fullyParallel: true,
  reporter: [['list']],
  outputDir: 'test-results',
  use: {
    baseURL: 'http://localhost:5181/apps/flamingo/',
    launchOptions: {
      executablePath,
      args: [
        '--no-sandbox', // Chromium refuses to run as root with it
        '--enable-unsafe-webgpu',
        '--use-webgpu-adapter=swiftshader',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  // How long people wait is measured when nothing else runs.
  projects: [
    { name: 'pages', testIgnore: /speed\.spec/ },
    { name: 'speed', testMatch: /speed\.spec/, dependencies: ['pages'] },
  ],
  // Both the development server and a static build under a sub-path; see the script.
  webServer: {
    command: 'node e2e/servers.mjs',
    url: 'http://localhost:5181/apps/flamingo/',
    timeout: 120_000,
    stdout: 'ignore',
  },
});
