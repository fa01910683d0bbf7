// Every browser test, in one process: they share a browser, and a session whose cell is warm.
import { after } from 'node:test';
import { close } from './world.mjs';
import './question.spec.mjs';
import './live.spec.mjs';
import './program.spec.mjs';
import './people.spec.mjs';
import './results.spec.mjs';
import './states.spec.mjs';
import './look.spec.mjs';
import './cluster.spec.mjs';

after(close);
