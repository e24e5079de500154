import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts'],
    // Speed is never asserted: the machine may be busy.
    testTimeout: 120_000,
  },
});
