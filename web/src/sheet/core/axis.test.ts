import { describe, expect, test } from 'vitest';
import { Axis } from './axis';

describe('an axis without hidden lines', () => {
  const axis = new Axis(100, 20);
  test('has a place for every line', () => {
    expect([axis.shown, axis.index(7), axis.place(7), axis.offset(7)]).toEqual([100, 7, 7, 140]);
  });
  test('finds the line at an offset, and the last one beyond the end', () => {
    expect([0, 19, 20, 1999, 5000].map((offset) => axis.placeAt(offset))).toEqual([0, 0, 1, 99, 99]);
  });
  test('stays within its ends', () => {
    expect([axis.step(3, -5), axis.step(98, 5)]).toEqual([0, 99]);
  });
});

describe('an axis with hidden and odd lines', () => {
  const axis = new Axis(10, 20, [0, 3, 4, 9], new Map([[1, 50], [4, 500]]));
  test('leads from places to lines and back', () => {
    const places = [0, 1, 2, 3, 4, 5];
    expect(places.map((place) => axis.index(place))).toEqual([1, 2, 5, 6, 7, 8]);
    expect(places.map((place) => axis.place(axis.index(place)))).toEqual(places);
    expect(axis.shown).toBe(6);
  });
  test('knows hidden lines, and the next shown one in their place', () => {
    expect([0, 1, 3, 5, 9].map((index) => axis.isHidden(index))).toEqual([true, false, true, false, true]);
    expect(axis.index(axis.place(3))).toBe(5);
  });
  test('adds up the sizes of shown lines alone', () => {
    expect([0, 1, 2, 6].map((place) => axis.offset(place))).toEqual([0, 50, 70, 150]);
    expect([49, 50, 69, 70].map((offset) => axis.placeAt(offset))).toEqual([0, 1, 1, 2]);
  });
  test('is quick with an odd size for each of many lines', () => {
    const many = new Axis(200_000, 20, [], new Map(Array.from({ length: 200_000 }, (_, index) => [index, 30])));
    for (let place = 0; place < 200_000; place += 50) expect(many.placeAt(many.offset(place) + 29)).toBe(place);
  });
  test('steps over hidden lines', () => {
    expect([axis.step(2, 1), axis.step(5, -1), axis.step(8, 1), axis.step(1, -1)]).toEqual([5, 2, 8, 1]);
  });
});
