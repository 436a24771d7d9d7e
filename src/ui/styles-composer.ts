import { css } from 'lit';

/** The message being written. */
export const composerStyles = css`
  .foot { max-block-size: 75%; overflow-y: auto; padding-block: 0.25rem 0.75rem; border-block-start: 1px solid var(--line); background: var(--surface); }
  .composer { display: flex; flex-direction: column; gap: 0.5rem; padding-block: 0.5rem 0; }
  textarea {
    display: block;
    inline-size: 100%;
    min-block-size: 48px;
    max-block-size: 12rem;
    padding: 0.6875rem 0.875rem;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
    color: inherit;
    font: inherit;
    resize: none;
  }
  textarea::placeholder { color: var(--dim); opacity: 1; }
  textarea:focus-visible { outline-offset: -1px; border-color: var(--accent); }
  .actions { display: flex; justify-content: space-between; gap: 0.5rem; }
  .order { max-block-size: 12.5rem; overflow-y: auto; line-height: 3.75rem; }
  ul.flow { display: inline; margin: 0; padding: 0; list-style: none; }
  li.flow { display: inline; }
  .words { color: var(--dim); white-space: pre-wrap; }
  .chip {
    position: relative;
    display: inline-flex;
    align-items: center;
    margin-inline: 0.125rem 0.25rem;
    padding: 0.25rem;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--raised);
    line-height: 1;
    vertical-align: middle;
    cursor: grab;
  }
  .badge {
    position: absolute;
    inset-block-end: 0.375rem;
    inset-inline-start: 0.375rem;
    padding: 0.125rem 0.3125rem;
    border-radius: 6px;
    background: #000c;
    color: #fff;
    font-size: 0.6875rem;
    line-height: 1.2;
    pointer-events: none;
  }
  .chip img { inline-size: 44px; block-size: 44px; border-radius: 8px; object-fit: cover; }
  .chip button:hover { background: var(--surface); }
  [data-drop='before'] { box-shadow: -3px 0 0 var(--accent); }
  [data-drop='behind'] { box-shadow: 3px 0 0 var(--accent); }
`;
