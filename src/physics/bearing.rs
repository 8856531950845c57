//! The frequencies at which a damaged bearing strikes, as multiples of the shaft's speed.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::{Error, Result};

/// The part that is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Fault {
    /// A spall in the inner ring.
    #[serde(rename = "inner race")]
    InnerRace,
    /// A spall in the outer ring.
    #[serde(rename = "outer race")]
    OuterRace,
    /// A spall on a rolling element.
    #[serde(rename = "ball")]
    Ball,
    /// A damaged cage.
    #[serde(rename = "cage")]
    Cage,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 4] = [Self::InnerRace, Self::OuterRace, Self::Ball, Self::Cage];

    /// Its name, the same as that of a recording's condition.
    pub fn name(self) -> &'static str {
        match self {
            Self::InnerRace => "inner race",
            Self::OuterRace => "outer race",
            Self::Ball => "ball",
            Self::Cage => "cage",
        }
    }

    /// What the field calls the frequency at which it strikes.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::InnerRace => "BPFI",
            Self::OuterRace => "BPFO",
            Self::Ball => "2 BSF",
            Self::Cage => "FTF",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A rolling bearing with a fixed outer ring: its fault frequencies as multiples of shaft speed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bearing {
    /// Its designation, or its geometry as it was given.
    pub name: String,
    /// Ball pass frequency of the outer race, BPFO.
    pub outer_race: f64,
    /// Ball pass frequency of the inner race, BPFI.
    pub inner_race: f64,
    /// Spin frequency of a ball, BSF. A spall on a ball strikes both rings in each spin, at twice this.
    pub ball_spin: f64,
    /// Fundamental train frequency, FTF: a turn of the cage.
    pub cage: f64,
}

impl Bearing {
    /// SKF 6205-2RS, the drive end of the CWRU test rig, by the university's table.
    pub fn skf_6205() -> Self {
        Self::known("6205", 3.5848, 5.4152, 4.7135 / 2.0, 0.39828)
    }

    /// SKF 6203-2RS, the fan end of the CWRU test rig, by the university's table.
    pub fn skf_6203() -> Self {
        Self::known("6203", 3.0530, 4.9469, 3.9874 / 2.0, 0.3817)
    }

    fn known(name: &str, outer_race: f64, inner_race: f64, ball_spin: f64, cage: f64) -> Self {
        Self { name: name.to_owned(), outer_race, inner_race, ball_spin, cage }
    }

    /// By the kinematics of rolling without slip (Randall and Antoni 2011, equations 1 to 4): `elements` rolling
    /// elements of diameter `ball` on a circle of diameter `pitch`, in the same unit, with a contact angle in degrees.
    ///
    /// # Errors
    /// Fewer than 3 elements, a ball that does not fit the pitch circle, or an angle outside 0 to 90 degrees.
    pub fn from_geometry(elements: u32, ball: f64, pitch: f64, angle: f64) -> Result<Self> {
        let name = format!("{elements},{ball},{pitch},{angle}");
        let refuse = |why: &str| Err(Error::input(format!("bearing {name}: {why}")));
        if !(3..=1000).contains(&elements) {
            return refuse("the number of rolling elements must be from 3 to 1000");
        }
        if !(ball > 0.0 && pitch.is_finite() && ball < pitch) {
            return refuse("the ball diameter must be above 0 and below the pitch diameter");
        }
        if !(0.0..90.0).contains(&angle) {
            return refuse("the contact angle must be at least 0 and below 90 degrees");
        }
        let ratio = ball / pitch * angle.to_radians().cos();
        let elements = f64::from(elements);
        Ok(Self {
            name,
            outer_race: elements / 2.0 * (1.0 - ratio),
            inner_race: elements / 2.0 * (1.0 + ratio),
            ball_spin: pitch / (2.0 * ball) * (1.0 - ratio * ratio),
            cage: (1.0 - ratio) / 2.0,
        })
    }

    /// How often a fault strikes in a turn of the shaft; a ball twice in each spin.
    pub fn order(&self, fault: Fault) -> f64 {
        match fault {
            Fault::InnerRace => self.inner_race,
            Fault::OuterRace => self.outer_race,
            Fault::Ball => 2.0 * self.ball_spin,
            Fault::Cage => self.cage,
        }
    }

    /// How often in a turn of the shaft the load on a fault comes and goes, which sets sidebands beside its lines: a spall in
    /// the inner ring passes the load zone once a turn, one on a ball once a turn of the cage. One in the outer
    /// ring stays where it is.
    pub fn modulation(&self, fault: Fault) -> Option<f64> {
        match fault {
            Fault::InnerRace => Some(1.0),
            Fault::Ball => Some(self.cage),
            Fault::OuterRace | Fault::Cage => None,
        }
    }
}

impl FromStr for Bearing {
    type Err = Error;

    /// `6205`, `6203`, or `N,d,D,ANGLE` as [`Bearing::from_geometry`] takes them.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "6205" => return Ok(Self::skf_6205()),
            "6203" => return Ok(Self::skf_6203()),
            _ => {}
        }
        let unknown = || {
            Error::input(format!(
                "bearing {text}: must be 6205, 6203 or the geometry N,d,D,ANGLE: rolling elements, ball and pitch \
                 diameter in the same unit, contact angle in degrees, such as 9,7.94,39.04,0"
            ))
        };
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let &[elements, ball, pitch, angle] = &parts[..] else { return Err(unknown()) };
        let number = |part: &str| part.parse::<f64>().map_err(|_| unknown());
        let elements = elements.parse().map_err(|_| unknown())?;
        Self::from_geometry(elements, number(ball)?, number(pitch)?, number(angle)?)
    }
}
