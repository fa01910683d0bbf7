// The Content-Security-Policy that the page is served with, here and by the server: nothing inline, no eval, no other origin.
// blob: is for pictures that are fetched with the session's token and for files that are saved.
export const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');
