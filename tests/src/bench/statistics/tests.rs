use super::Samples;

fn samples<const N: usize>(values: [f64; N]) -> Samples {
    Samples::new(values.to_vec()).unwrap()
}

#[test]
fn median_of_an_odd_number_is_the_middle_one() {
    let samples = samples([900.0, 10.0, 20.0]);

    assert_eq!((samples.count(), samples.median()), (3, 20.0));
}

#[test]
fn median_of_an_even_number_lies_between_the_middle_two() {
    assert_eq!(samples([4.0, 1.0, 100.0, 2.0]).median(), 3.0);
}

#[test]
fn one_sample_is_its_own_median() {
    assert_eq!(samples([7.0]).median(), 7.0);
}

#[test]
fn spread_does_not_depend_on_the_order() {
    let samples = samples([5.0, 9.0, 3.0, 4.0]);

    assert_eq!((samples.min(), samples.max()), (3.0, 9.0));
}

#[test]
fn nothing_has_no_median() {
    assert_eq!(Samples::new(Vec::new()), None);
}
