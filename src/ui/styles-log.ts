import { css } from 'lit';

/** The conversation and the empty page. */
export const logStyles = css`
  .scroll { flex: 1 1 0; min-block-size: 0; overflow-y: auto; overscroll-behavior: contain; }
  .log { display: flex; flex-direction: column; gap: 0.75rem; padding-block: 1rem; }
  .log:empty { display: none; }
  .log:focus-visible { outline-offset: -2px; }
  .user {
    align-self: flex-end;
    max-inline-size: 85%;
    margin-block-start: 0.75rem;
    padding: 0.625rem 0.875rem;
    border-radius: var(--radius);
    background: var(--raised);
  }
  .user .text { white-space: pre-wrap; }
  .user img {
    display: inline-block;
    max-inline-size: min(9rem, 100%);
    max-block-size: 9rem;
    margin: 0.25rem;
    border-radius: 8px;
    vertical-align: middle;
  }
  .sent { position: relative; display: inline-block; }
  .assistant { max-inline-size: 100%; font-size: 1.0625rem; }
  .assistant:empty { display: none; }
  .assistant > * { margin-block: 0 0.5rem; }
  .assistant a { color: var(--accent); }
  .assistant pre, .assistant code { border-radius: 6px; background: var(--raised); font-size: 0.9em; }
  .assistant pre { padding: 0.75rem; overflow-x: auto; }
  .assistant code { padding: 0.1em 0.3em; }
  .assistant td { padding: 0.25rem 0.5rem; border: 1px solid var(--line); }
  .note { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; color: var(--dim); font-size: 0.9375rem; }
  @media (prefers-reduced-motion: no-preference) {
    .waiting { animation: breathe 1.6s ease-in-out infinite alternate; }
    @keyframes breathe { from { opacity: 1; } to { opacity: 0.55; } }
  }
  .empty { display: flex; flex-direction: column; gap: 1rem; padding-block: 1rem 2rem; }
  .hint { color: var(--dim); }
  .samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 0.75rem; }
  .sample {
    justify-content: flex-start;
    padding: 0;
    overflow: hidden;
    border-color: var(--line);
    font-size: 0.9375rem;
    line-height: 1.35;
    text-align: start;
  }
  .sample:hover { border-color: var(--accent); }
  .sample img { display: block; flex: none; inline-size: 80px; block-size: 80px; object-fit: cover; }
  .sample span { padding-inline: 0.375rem 0.75rem; }
`;
