import { expect, test } from 'bun:test';
import { hrefOf, routeIn } from './route.ts';

test('an address keeps its parts, whatever they contain', () => {
  expect(routeIn(hrefOf('profiles', 'a/b %'))).toEqual(['profiles', 'a/b %']);
  expect(routeIn('')).toEqual([]);
  expect(routeIn('#/profiles/')).toEqual(['profiles']);
  expect(routeIn('#/%E0%A4')).toEqual([]);
});
