'use strict';
// Keys, focus, toasts and counting down. Everything here is an extra: each action is also a link or a form.

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const shown = (el) => el && el.getClientRects().length > 0;
const narrow = () => matchMedia('(width < 1080px)').matches;

// Lists: the cursor is kept in data-ui-cursor, which morphs leave alone.
const rows = () => $$('#list-body tbody tr:not(.grp), [data-rows] > tr');
const cursor = () => $('tr[data-ui-cursor]');

function move(step) {
  const all = rows();
  if (!all.length) return;
  const from = all.indexOf(cursor());
  const to = all[Math.min(Math.max(from + step, 0), all.length - 1)];
  cursor()?.removeAttribute('data-ui-cursor');
  to.setAttribute('data-ui-cursor', '');
  ($('.ev a, th a, a, button', to) ?? to).focus({ preventScroll: true });
  to.scrollIntoView({ block: 'nearest' });
}

function select(row) {
  const box = $('td.c input', row ?? cursor() ?? document.createElement('tr'));
  if (box) { box.click(); count(); }
}

// Bulk: without a selection the row under the cursor is meant.
function bulk(button) {
  if (!$('#list-body')) return false;
  if (!$('#list-body tbody input:checked')) select();
  if (!$('#list-body tbody input:checked')) return false;
  count();
  const el = $(button);
  if (el?.tagName === 'SELECT') { el.focus(); return true; }
  el?.click();
  return !!el;
}

function count() {
  const n = $$('#list-body tbody input:checked').length;
  $$('[data-count]').forEach((el) => { el.textContent = n; });
}

// Elements name their own key in data-key; the first one on screen is meant.
function press(key) {
  const el = $$('[data-key]').find((e) => e.dataset.key === key && shown(e));
  if (!el) return false;
  if (el.tagName === 'DETAILS') {
    el.open = true;
    $('select, input, button', el)?.focus();
  } else el.click();
  return true;
}

function respond() {
  const panel = $('#respond');
  if (panel) {
    panel.scrollIntoView({ block: 'nearest' });
    ($('input:checked', panel) ?? $('h2', panel))?.focus();
    return;
  }
  if (press('r')) return;
  const link = $('.ev a', cursor() ?? document.createElement('tr'));
  if (link) location.assign(link.href + '#respond');
}

function choose(n) {
  const radio = $$('.choices input[type=radio]')[n - 1];
  if (radio && !radio.disabled && !radio.matches(':disabled')) { radio.checked = true; radio.focus(); }
}

const go = { i: '/', d: '/identities', c: '/status', ',': '/settings' };
let leader = 0;

const keys = {
  j: () => move(1),
  k: () => move(-1),
  x: () => select(),
  e: () => { if (!bulk('#bulk-ack')) press('e'); },
  c: () => { if (!bulk('#bulk-reason')) press('c'); },
  r: respond,
  z: () => $('#undo-undo')?.click(),
  u: () => press('u'),
  o: () => press('o'),
  '.': () => press('.'),
  '[': () => press('['),
  ']': () => press(']'),
  '/': () => $('#search')?.focus(),
  '?': () => $('#keys')?.showModal(),
  g: () => { leader = Date.now(); },
  1: () => choose(1),
  2: () => choose(2),
  3: () => choose(3),
  4: () => choose(4),
  Enter: () => {
    const row = cursor();
    if (row) $('.ev a, th a, a', row)?.click();
    else $('#undo-send')?.click();
  },
};

function escape(e) {
  const menu = $$('details.menu[open]').pop();
  if (menu) { menu.open = false; $('summary', menu)?.focus(); return; }
  if (e.target.matches('input, select')) { e.target.blur(); return; }
  press('Escape');
}

document.addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || $('dialog[open]')) return;
  if (e.key === 'Escape') { escape(e); return; }
  if (document.documentElement.dataset.shortcuts === 'off') return;
  if (e.target.closest('input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]')) return;
  if (e.key === 'Enter' && e.target.closest('a, button, summary, input')) return;
  if (leader && Date.now() - leader < 1500 && go[e.key]) {
    e.preventDefault();
    leader = 0;
    location.assign(go[e.key]);
    return;
  }
  leader = 0;
  if (Object.hasOwn(keys, e.key)) { e.preventDefault(); keys[e.key](); }
});

document.addEventListener('click', (e) => {
  if (e.target.closest('[data-dismiss]')) { e.target.closest('.toast')?.remove(); return; }
  const opener = e.target.closest('[data-open]');
  if (opener) { e.preventDefault(); document.getElementById(opener.dataset.open)?.showModal(); return; }
  const copy = e.target.closest('[data-copy]');
  if (copy) { copyText(copy); return; }
  for (const menu of $$('details.menu[open]')) if (!menu.contains(e.target)) menu.open = false;
  const row = e.target.closest('#list-body tbody tr');
  if (row) { cursor()?.removeAttribute('data-ui-cursor'); row.setAttribute('data-ui-cursor', ''); }
});

// Where the detail has no room beside the list, its link is an ordinary one.
document.addEventListener('click', (e) => {
  const link = e.target.closest('a[data-pane]');
  if (link && narrow() && !e.ctrlKey && !e.metaKey && !e.shiftKey) {
    e.preventDefault();
    e.stopImmediatePropagation();
    location.assign(link.href);
  }
}, true);

document.addEventListener('change', (e) => {
  if (e.target.matches('[data-all]')) {
    $$('#list-body td.c input').forEach((box) => { box.checked = e.target.checked; });
  }
  count();
});
document.addEventListener('reset', () => setTimeout(count));

async function copyText(button) {
  const text = document.getElementById(button.dataset.copy)?.textContent ?? '';
  try {
    await navigator.clipboard.writeText(text);
    toast('Copied.', false);
  } catch {
    toast('The browser does not allow copying here.', true);
  }
}

// Toasts: good ones leave by themselves, bad ones stay.
function toast(text, bad) {
  const el = document.createElement('div');
  el.className = bad ? 'toast bad' : 'toast good';
  el.setAttribute('role', bad ? 'alert' : 'status');
  const p = document.createElement('p');
  p.textContent = text;
  const close = document.createElement('button');
  close.type = 'button';
  close.className = 'quiet sm';
  close.dataset.dismiss = '';
  close.textContent = 'Close';
  el.append(p, close);
  $('#toasts')?.append(el);
}

function expire(el) {
  if (el.classList?.contains('good')) setTimeout(() => el.remove(), el.querySelector('a') ? 10000 : 6000);
}

// What only makes sense with a script appears with it, and toasts are watched: after every change of the body.
function ready() {
  $$('[data-copy], [data-all]').forEach((el) => { el.hidden = false; });
  const box = $('#toasts');
  if (box && !box.dataset.uiWatched) {
    box.dataset.uiWatched = '';
    $$('.toast', box).forEach(expire);
    new MutationObserver((list) => list.forEach((m) => m.addedNodes.forEach(expire))).observe(box, { childList: true });
  }
  const open = location.pathname;
  $$('#list-body tbody tr').forEach((tr) => {
    tr.toggleAttribute('data-ui-open', $('.ev a', tr)?.getAttribute('href') === open);
  });
  const dialog = $('#dialog');
  if (dialog?.childElementCount && !dialog.open) {
    dialog.showModal();
    $('input:not([type=hidden]), button', dialog)?.focus();
  }
}

// The seconds left to undo. The end is the server's: this only shows it.
setInterval(() => {
  for (const form of $$('[data-countdown]')) {
    form.dataset.uiEnd ??= String(Date.now() + 1000 * Number(form.dataset.countdown));
    const left = Math.max(0, Math.ceil((Number(form.dataset.uiEnd) - Date.now()) / 1000));
    const label = $('[data-left]', form);
    if (label) label.textContent = left;
    const bar = $('progress', form);
    if (bar) bar.value = Number(form.dataset.of) - left;
    if (left === 0) form.closest('#undo').replaceChildren();
  }
}, 250);

document.addEventListener('htmx:after:swap', ready);
document.addEventListener('htmx:after:history:update', ready);
document.addEventListener('close', (e) => { if (e.target.id === 'dialog') e.target.replaceChildren(); }, true);

// A morph keeps a check box as it was, so a selection that was acted on is cleared here.
document.addEventListener('htmx:after:request', (e) => {
  const form = e.target.closest?.('form');
  if (!form || (e.detail?.ctx?.response?.status ?? 500) >= 400) return;
  if (form.matches('[data-reset]')) form.reset();
  const menu = form.closest('details.menu');
  if (menu) menu.open = false;
});

document.addEventListener('htmx:error', (e) => {
  const status = e.detail?.ctx?.response?.status;
  if (!status && !document.hidden) toast('Harken does not answer. What you see may be old; it tries again by itself.', true);
});

ready();
