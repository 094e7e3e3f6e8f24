export const STYLE = `
:host { all: initial; color-scheme: light dark; --level: 0; }
section {
  position: fixed; bottom: 1.25rem; z-index: 2147483000;
  display: flex; flex-direction: column; gap: .5rem; max-width: min(20rem, calc(100vw - 2.5rem));
  font: 500 1rem/1.4 system-ui, sans-serif; color: light-dark(#1d1916, #f3eee9);
}
.right { right: 1.25rem; align-items: flex-end; }
.left { left: 1.25rem; align-items: flex-start; }
div { display: flex; gap: .5rem; }
p {
  margin: 0; padding: .5rem .875rem; border-radius: .75rem; font-size: .875rem;
  background: light-dark(#fff, #221e1b); border: 1px solid light-dark(#ddd5cf, #3d3732);
}
[hidden] { display: none; }
button {
  font: inherit; cursor: pointer; min-height: 3rem; padding: 0 1.25rem; border-radius: 1.5rem;
  color: inherit; background: light-dark(#fff, #221e1b); border: 1px solid light-dark(#8a7f78, #8f867e);
}
button:focus-visible { outline: 3px solid light-dark(#1d1916, #f3eee9); outline-offset: 2px; }
.call {
  color: light-dark(#fffaf7, #2a0d03); background: light-dark(#b53813, #ff8055); border-color: transparent;
  box-shadow: 0 .25rem 1rem rgb(0 0 0 / .25), 0 0 0 calc(var(--level) * .75rem) rgb(255 128 85 / .3);
}
.call[data-live=true] { color: light-dark(#fff, #131110); background: light-dark(#1d1916, #f3eee9); }
@media (prefers-reduced-motion: reduce) { .call { box-shadow: 0 .25rem 1rem rgb(0 0 0 / .25); } }
@media (forced-colors: active) { button { border-color: ButtonText; } }
`;
