//! When network and physics contradict each other.

use gpu_bearing::physics::Fault;
use gpu_bearing::train::disagree;

#[test]
fn a_verdict_contradicts_another_part_and_a_healthy_bearing() {
    let outer = Some(Fault::OuterRace);
    for condition in ["ball", "inner race", "Inner-Race 0.007", "normal", "Healthy"] {
        assert!(disagree(condition, outer), "{condition}");
    }
    for condition in
        ["outer race", "outer race @6:00", "Outer_race", "inner-and-outer-race", "inner and outer race"]
    {
        assert!(!disagree(condition, outer), "{condition}");
    }
}

#[test]
fn what_says_nothing_of_a_part_contradicts_nothing() {
    for condition in ["looseness", "worn", "IR007", "balling"] {
        assert!(!disagree(condition, Some(Fault::InnerRace)), "{condition}");
    }
    for condition in ["ball", "normal", "looseness"] {
        assert!(!disagree(condition, None), "{condition}");
    }
}

#[test]
fn the_turns_of_the_cage_may_be_a_ball() {
    assert!(!disagree("ball", Some(Fault::Cage)));
    assert!(disagree("outer race", Some(Fault::Cage)));
    assert!(disagree("cage", Some(Fault::Ball)));
}
