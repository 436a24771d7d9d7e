import './flamingo-chat';
import { showProfile } from './profile-table';
import type { Sample } from './view-empty';

/** The app page: reads the address, gives the chat its samples, then lets it load. */

const SAMPLES: readonly Sample[] = [
  { src: 'samples/red-circle.webp', alt: 'A large red circle on a cream ground', question: 'What colour is it?' },
  { src: 'samples/green-triangles.webp', alt: 'Three green triangles', question: 'How many shapes are there?' },
  { src: 'samples/square-and-star.webp', alt: 'A blue square left of a yellow star', question: 'Is there a star?' },
  { src: 'samples/striped-heart.webp', alt: 'A striped pink heart', question: 'What pattern does it have?' },
  {
    src: 'samples/orange-moon.webp',
    alt: 'An orange moon at the top left of a dark picture',
    question: 'What shape is it?',
  },
  {
    src: 'samples/mixed-shapes.webp',
    alt: 'A teal hexagon, a red ring and a black cross',
    question: 'What do you see?',
  },
];

const chat = document.querySelector('flamingo-chat');
if (chat) {
  const wanted = new URL(location.href).searchParams;
  const model = wanted.get('model');
  const executor = wanted.get('executor');
  if (model) chat.model = model;
  if (executor === 'auto' || executor === 'webgpu' || executor === 'wasm') chat.executor = executor;
  chat.profile = wanted.get('profile') === '1';
  chat.tap = wanted.get('tap') ?? '';
  if (chat.profile || chat.tap) showProfile(chat);
  chat.samples = SAMPLES;
  chat.autoload = true;
}
