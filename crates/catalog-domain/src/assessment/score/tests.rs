use proptest::prelude::*;

use super::*;

fn tallies(marks: &[(Criterion, u64, u64)]) -> Tallies {
    let mut tallies = Tallies::default();
    for &(criterion, marks, earned_permille) in marks {
        tallies.add(criterion, Tally { marks, earned_permille });
    }
    tallies
}

fn weights(weights: [u32; 4]) -> Weights {
    Weights::new(Criterion::ALL.into_iter().zip(weights)).unwrap()
}

/// R12.4: what each criterion lost is weighed, and those without a mark do not count.
#[test]
fn criteria_are_weighed_among_those_with_marks() {
    let tallies = tallies(&[(Criterion::Timeliness, 4, 3_000), (Criterion::Response, 2, 2_000)]);

    let score = tallies.score(&weights([30, 30, 20, 20]));
    // A quarter of the 60 points that timeliness has beside response.
    assert_eq!(score.total, Points::from_micropoints(85_000_000));
    let timeliness = score.criteria[&Criterion::Timeliness];
    assert_eq!(timeliness, Points::from_micropoints(75_000_000));
    assert_eq!(score.criteria.len(), 2);

    // The same marks, weighed otherwise.
    let score = tallies.score(&weights([0, 10, 90, 0]));
    assert_eq!(score.total, Points::from_micropoints(97_500_000));
}

#[test]
fn nothing_is_lost_without_marks() {
    let score = Tallies::default().score(&Weights::default());
    assert_eq!((score.total, score.criteria.len()), (Points(MICROPOINTS_MAX), 0));
}

#[test]
fn weights_that_count_nothing_or_too_much_are_refused() {
    assert_eq!(Weights::new([]), Err(WeightsError::AllZero));
    assert_eq!(Weights::new([(Criterion::Use, 0)]), Err(WeightsError::AllZero));
    let too_large = Weights::new([(Criterion::Use, 1_001)]).unwrap_err();
    assert_eq!(too_large.to_string(), "weight of use is 1001; at most 1000 is allowed");
}

proptest! {
    /// R12.4: the points that single marks lost add up to what is missing from 100, but for less than a micropoint each.
    #[test]
    fn losses_add_up_to_what_is_missing(
        marks in prop::collection::vec((0..4usize, 0..=1_000u64), 0..60),
        weighed in prop::array::uniform4(0..100u32),
    ) {
        let Ok(weights) = Weights::new(Criterion::ALL.into_iter().zip(weighed)) else { return Ok(()) };
        let mut tallies = Tallies::default();
        for &(criterion, earned_permille) in &marks {
            tallies.add(Criterion::ALL[criterion], Tally { marks: 1, earned_permille });
        }

        let total = tallies.score(&weights).total.micropoints();
        let lost: u64 = marks
            .iter()
            .map(|&(criterion, earned)| {
                tallies.lost(&weights, Criterion::ALL[criterion], 1_000 - earned).micropoints()
            })
            .sum();
        prop_assert!(total <= MICROPOINTS_MAX);
        prop_assert!(lost <= MICROPOINTS_MAX - total);
        let rounded = (marks.len() as u64 + 4) + lost;
        prop_assert!(MICROPOINTS_MAX - total <= rounded, "{total} {lost}");
    }

    /// To earn more never costs points.
    #[test]
    fn more_earned_is_never_worse(marks in 1..50u64, earned in 0..50_000u64, more in 0..1_000u64) {
        let score = |earned_permille| {
            tallies(&[(Criterion::Use, marks, earned_permille), (Criterion::Response, 3, 1_000)])
                .score(&Weights::default())
                .total
        };
        prop_assert!(score(earned + more) >= score(earned));
    }
}
