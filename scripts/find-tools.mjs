// Finds what tests need beside npm packages: a browser and Vulkan drivers. What is missing is installed where that is possible, else named.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const INSTALL = fileURLToPath(new URL('install-gpu-test-tools.sh', import.meta.url));
const SYSTEM_BROWSERS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const SWIFTSHADER = ['/usr/lib/chromium/vk_swiftshader_icd.json'];
const VULKAN_FOLDERS = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'];

/** Path of a Chromium: CHROMIUM_PATH, Playwright's own, the system's; installed by apt-get as root when there is none. */
export async function findBrowser() {
  const found = await lookForBrowser();
  if (found) return found;
  installTools();
  const installed = await lookForBrowser();
  if (installed) return installed;
  throw new Error('No Chromium was found. Type: npx playwright install chromium   (or set CHROMIUM_PATH)');
}

/** Vulkan drivers that the GPU tests run on: SwiftShader and lavapipe must be there; a real GPU is a third lane. */
export function findDrivers() {
  let drivers = lookForDrivers();
  if (!drivers.swiftshader || !drivers.lavapipe) {
    installTools();
    drivers = lookForDrivers();
  }
  const missing = ['swiftshader', 'lavapipe'].filter((name) => !drivers[name]);
  if (missing.length > 0)
    throw new Error(`No ${missing.join(' and no ')} Vulkan driver was found. Type: sudo ${INSTALL}`);
  return drivers;
}

async function lookForBrowser() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  const { chromium } = await import('playwright');
  const own = chromium.executablePath();
  return [own, ...SYSTEM_BROWSERS].find((path) => path && existsSync(path));
}

function lookForDrivers() {
  const files = VULKAN_FOLDERS.filter(existsSync).flatMap((folder) =>
    readdirSync(folder).map((name) => `${folder}/${name}`),
  );
  const named = (pattern) => files.find((path) => pattern.test(path));
  return {
    swiftshader: SWIFTSHADER.find(existsSync),
    lavapipe: named(/lvp_icd.*\.json$/),
    gpu: existsSync('/dev/dri') ? named(/(nvidia|radeon|intel)_icd.*\.json$/) : undefined,
  };
}

function installTools() {
  if (process.platform !== 'linux' || process.getuid() !== 0) return;
  console.error('Installing Chromium and Mesa …');
  const { status } = spawnSync('sh', [INSTALL], { stdio: ['ignore', 2, 2] });
  if (status !== 0) console.error(`${INSTALL} failed with status ${status}.`);
}
