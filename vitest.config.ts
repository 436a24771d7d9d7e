import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          environment: 'node',
          include: ['src/**/*.test.ts'],
          exclude: ['src/**/*.{gpu,deep}.test.ts'],
          // Vitest's own default leaves one core idle.
          maxWorkers: availableParallelism(),
          // Whole models run in some; a busy machine must not make them fail.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          // What takes long: random use of sessions.
          name: 'deep',
          environment: 'node',
          include: ['src/**/*.deep.test.ts'],
          pool: 'forks',
          maxWorkers: 1,
          isolate: false,
        },
      },
      {
        test: {
          name: 'gpu',
          environment: 'node',
          include: ['src/**/*.gpu.test.ts'],
          pool: 'forks',
          // One worker and one module graph: the npm package `webgpu` crashes when its objects are collected (src/gpu/node-device.ts).
          maxWorkers: 1,
          isolate: false,
          testTimeout: 120_000,
          // Whole goldens run in hooks; 33 pictures take SwiftShader two minutes beside another lane.
          hookTimeout: 400_000,
        },
      },
    ],
  },
});
