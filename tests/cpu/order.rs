//! An epoch's order: what it draws, and that only seed and epoch decide.

use gpu_bearing::data::order::{Balance, epoch_order};
use gpu_bearing::data::windows::Window;

fn windows(per_class: &[usize]) -> Vec<Window> {
    let of_class = |(label, count): (usize, &usize)| {
        (0..*count).map(move |i| Window { recording: label, start: i * 400, label })
    };
    per_class.iter().enumerate().flat_map(of_class).collect()
}

fn draws_by_class(windows: &[Window], order: &[usize], classes: usize) -> Vec<usize> {
    let mut draws = vec![0; classes];
    for &index in order {
        draws[windows[index].label] += 1;
    }
    draws
}

fn draws_by_window(windows: &[Window], orders: &[Vec<usize>]) -> Vec<usize> {
    let mut draws = vec![0; windows.len()];
    for &index in orders.iter().flatten() {
        draws[index] += 1;
    }
    draws
}

#[test]
fn unbalanced_visits_every_window_once() {
    let windows = windows(&[50, 7, 20]);
    let mut order = epoch_order(&windows, 3, 0, Balance::Off);
    assert_ne!(order, (0..77).collect::<Vec<_>>(), "not shuffled");
    order.sort_unstable();
    assert_eq!(order, (0..77).collect::<Vec<_>>());
}

#[test]
fn balanced_draws_every_class_equally_often() {
    let windows = windows(&[50, 7, 20]);
    let mut total = vec![0; 3];
    for epoch in 0..30 {
        let order = epoch_order(&windows, 3, epoch, Balance::On);
        assert_eq!(order.len(), 77);
        let draws = draws_by_class(&windows, &order, 3);
        assert!(draws.iter().all(|&d| d == 25 || d == 26), "epoch {epoch}: {draws:?}");
        for (sum, d) in total.iter_mut().zip(draws) {
            *sum += d;
        }
    }
    assert_eq!(total, [770, 770, 770]);
}

#[test]
fn balanced_repeats_no_window_before_all_of_its_class_came_up() {
    let windows = windows(&[50, 7, 20]);
    let orders: Vec<_> = (0..4).map(|epoch| epoch_order(&windows, 3, epoch, Balance::On)).collect();
    for end in 1..=orders.len() {
        let draws = draws_by_window(&windows, &orders[..end]);
        for label in 0..3 {
            let of_class = || windows.iter().zip(&draws).filter(|(w, _)| w.label == label).map(|(_, d)| *d);
            assert!(of_class().max() <= of_class().min().map(|least| least + 1), "class {label}: {draws:?}");
        }
    }
}

#[test]
fn a_class_without_training_windows_takes_no_share() {
    let windows = windows(&[4, 0, 8]);
    let order = epoch_order(&windows, 0, 0, Balance::On);
    assert_eq!(draws_by_class(&windows, &order, 3), [6, 0, 6]);
    assert!(epoch_order(&[], 0, 0, Balance::On).is_empty());
}

#[test]
fn seed_and_epoch_decide_and_nothing_else() {
    let windows = windows(&[30, 30]);
    for balance in [Balance::On, Balance::Off] {
        let order = epoch_order(&windows, 5, 2, balance);
        assert_eq!(order, epoch_order(&windows, 5, 2, balance));
        assert_ne!(order, epoch_order(&windows, 5, 3, balance));
        assert_ne!(order, epoch_order(&windows, 6, 2, balance));
    }
}
