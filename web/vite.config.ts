import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** Where `npm run dev` finds a running rowcast. */
const server = 'http://127.0.0.1:8000';

/** What all pages have: their files name a title and a script. */
function pageFrame(): Plugin {
  return {
    name: 'page-frame',
    transformIndexHtml: {
      order: 'pre',
      handler: () => [
        { tag: 'meta', attrs: { charset: 'utf-8' }, injectTo: 'head-prepend' },
        { tag: 'meta', attrs: { name: 'viewport', content: 'width=device-width, initial-scale=1' }, injectTo: 'head' },
        { tag: 'meta', attrs: { name: 'color-scheme', content: 'light dark' }, injectTo: 'head' },
        { tag: 'link', attrs: { rel: 'icon', href: '/src/styles/icon.svg', type: 'image/svg+xml' }, injectTo: 'head' },
        { tag: 'div', attrs: { id: 'root' }, injectTo: 'body-prepend' },
        { tag: 'noscript', children: 'This page needs JavaScript.', injectTo: 'body' },
      ],
    },
  };
}

/**
 * Pages of a build may load from their own origin only. Monaco, the playground's editor, writes its
 * theme into style elements, hence 'unsafe-inline' for styles there.
 */
function contentSecurityPolicy(): Plugin {
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_html, context) {
        const playground = context.path.endsWith('playground.html');
        const policy = [
          "default-src 'none'",
          "script-src 'self'",
          `style-src 'self'${playground ? " 'unsafe-inline'" : ''}`,
          "connect-src 'self'",
          "img-src 'self' data:",
          "font-src 'self' data:",
          "worker-src 'self'",
          "base-uri 'none'",
          "form-action 'none'",
        ].join('; ');
        return [
          {
            tag: 'meta',
            attrs: { 'http-equiv': 'Content-Security-Policy', content: policy },
            injectTo: 'head-prepend',
          },
        ];
      },
    },
  };
}

export default defineConfig({
  plugins: [react(), pageFrame(), contentSecurityPolicy()],
  // The workers of the playground's editor are modules too.
  worker: { format: 'es' },
  build: {
    rolldownOptions: {
      input: ['index.html', 'playground.html', 'sheet.html'],
      // GraphiQL's parts carry "use client" for server rendering, which has no meaning in a bundle.
      checks: { moduleLevelDirective: false },
    },
    // The playground's editor is one large chunk, loaded by that page alone.
    chunkSizeWarningLimit: 5000,
    sourcemap: false,
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/graphql': { target: server, ws: true }, '/schema.graphql': server },
  },
});
