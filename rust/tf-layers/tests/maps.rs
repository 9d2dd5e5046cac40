//! Layers of maps, against loops over all places.

mod draws;

use draws::Rng;
use std::collections::BTreeMap;
use tf_layers::maps::{AtPlaces, Pairs};
use tf_layers::{Cpu, Error};

#[test]
fn the_pairs_of_a_map_ascend() {
    let (cpu, mut rng) = (Cpu::new(), Rng::new(1));
    for count in [0, 1, 2, 7, 40] {
        let x: BTreeMap<i64, u8> = (0..count)
            .map(|k| (rng.size(0, 99) as i64 - 50, k))
            .collect();
        let [pairs] = Pairs.sizes(cpu, &x).expect("it cannot fail");
        assert_eq!(pairs, x.len());
        let (mut keys, mut values) = (vec![99; pairs], vec![99; pairs]);
        Pairs.checked().run(cpu, &x, &mut keys, &mut values);
        assert!(keys.is_sorted());
        assert!(
            keys.iter()
                .zip(&values)
                .all(|(key, value)| x[key] == *value)
        );
    }
    let x =
        BTreeMap::from([("b", 2), ("é", 3), ("", 0), ("aa", 1)].map(|(k, v)| (String::from(k), v)));
    // What the buffers held before is of no matter.
    let (mut keys, mut values) = (vec![String::from("before"); 4], vec![9; 4]);
    Pairs.run(cpu, &x, &mut keys, &mut values);
    assert_eq!(
        (keys.join(","), values),
        (",aa,b,é".into(), vec![0, 1, 2, 3])
    );
}

#[test]
fn values_stand_at_their_places() {
    let (cpu, mut rng) = (Cpu::new(), Rng::new(2));
    for _ in 0..300 {
        let (size, count) = (rng.size(0, 9), rng.size(0, 9));
        let places: Vec<i64> = (0..count).map(|_| rng.size(0, 12) as i64).collect();
        let x: Vec<String> = (0..count).map(|k| k.to_string()).collect();
        let mut y = vec![String::from("before"); size];
        AtPlaces
            .checked()
            .run(cpu, &places, &x, &mut y)
            .expect("no place is below 0");
        for (at, y) in y.iter().enumerate() {
            let last = places.iter().rposition(|&place| place == at as i64);
            assert_eq!(*y, last.map_or(String::new(), |k| x[k].clone()));
        }
    }
}

#[test]
fn a_place_below_0_is_an_error() {
    for index in [-1, i64::MIN] {
        let error = AtPlaces.run(Cpu::new(), &[0, index], &[1.0, 2.0], &mut [0.0; 3]);
        assert_eq!(error, Err(Error::IndexOutOfRange { index, size: 3 }));
    }
    let mut y = [7.0; 2];
    let beyond = AtPlaces.run(Cpu::new(), &[i64::MAX, 2], &[1.0, 2.0], &mut y);
    assert_eq!((beyond, y), (Ok(()), [0.0; 2]));
}
